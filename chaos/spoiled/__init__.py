"""`python -m chaos corpus`: files of every container, spoiled by chance, and what becomes of them."""
