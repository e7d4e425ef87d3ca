"""Files of the kinds that people send, made here, each with what must come of it.

Every frame carries its number and every second of audio a beep, so that what is lost, doubled, late or cut shows
in the stream. The tests run them with the settings that production has; chaos spoils them; bench measures their audio.
"""
