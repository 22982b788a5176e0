"""The formats boundary files come in, one room each; every one reads bytes or text it is given.

None opens a path, follows a link or looks beside the file: `agri.boundaries` reads the file once,
within its size limit, tells the format by content and hands the bytes over.
"""
