"""Rows of data sets as people have them: files of many formats, pipes, and the hub."""
