"""Whether a stream agrees with the file it was made of.

The judge is independent of the engine: it takes neither its plan nor its filters nor its probe, or it would share its
mistakes. It decodes the source as ffmpeg does when it is told nothing, and the stream as a player does, by its
playlists; what is in the file must be in the stream, once, in order, at its time.
"""
