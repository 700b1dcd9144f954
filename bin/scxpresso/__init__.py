"""The vocabulary that the executables of bin/ share: from a genome and an atlas to models of expression."""

__version__ = "0.1.0"
