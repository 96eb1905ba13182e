"""Reports of a training, as pictures: curves, what is mistaken for what, hard and easy examples."""
