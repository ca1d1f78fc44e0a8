"""What a run shows while it trains: lines and curves on a terminal, a table in a notebook."""
