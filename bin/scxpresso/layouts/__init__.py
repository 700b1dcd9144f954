"""Layouts of count matrices in files and folders, behind one interface."""
