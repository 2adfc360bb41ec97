"""Rows, and the files they are recorded in: the only meeting point of trials and report. Needs no torch."""
