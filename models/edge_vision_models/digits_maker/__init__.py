"""The model `digits-maker`: draws rolling digits of a meter, for the tenth that is wanted."""
