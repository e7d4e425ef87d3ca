"""Uploads that never stop, while parts are killed, connections cut and the disk fills up: what is true at the end?"""
