"""From recorded rows to the book: cells, verdicts, tables, figures, pages. Never imports torch."""
