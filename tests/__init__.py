"""Tests of agri, one module per room."""
