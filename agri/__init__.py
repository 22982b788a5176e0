"""agri: precision agriculture for the farmers of Đông Triều."""
