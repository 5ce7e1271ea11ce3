"""A simulated market: no recorded data, no facts about any share; made to try the engine on."""
