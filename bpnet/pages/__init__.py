"""Pages of HTML, for reports and the paper: content, pictures, templates."""
