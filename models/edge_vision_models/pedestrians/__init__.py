"""The model `pedestrians`: where people are in a picture of a street."""
