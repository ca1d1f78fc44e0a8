"""Display of training: lines and curves on a terminal, a table and curves in a notebook."""
