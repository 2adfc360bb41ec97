"""From a declaration to rows: one module a paper, and what runs them."""
