"""Statistics, tables and plots of a finished graph; see __main__.py."""
