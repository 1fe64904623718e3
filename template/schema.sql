-- The whole database of the service. Runs at every start, so each statement must be harmless when
-- its work is done already: "if not exists", and for a later column "add column if not exists".

create table if not exists note (
  id integer generated always as identity primary key,
  text text not null check (length(text) between 1 and 2000),
  -- `sub` of the token that it came with; a service's is "service:<name>".
  author_sub text not null,
  author_name text not null,
  created_at timestamptz not null default now()
);

-- One author's notes, newest first, page by page.
create index if not exists note_by_author on note (author_sub, id desc);
