"""How the web application describes itself to people and programs."""
