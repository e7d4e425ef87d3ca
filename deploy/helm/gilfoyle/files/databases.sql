-- What PostgreSQL makes when its volume is new: a user and databases for Gilfoyle, and for Temporal.
\set ON_ERROR_STOP on
\getenv gilfoyle GILFOYLE_PASSWORD
\getenv temporal TEMPORAL_PASSWORD
CREATE ROLE gilfoyle LOGIN PASSWORD :'gilfoyle';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE gilfoyle OWNER gilfoyle;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
