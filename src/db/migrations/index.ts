// Every migration, in the order they are applied. Only ever add at the end.
import { requests } from "./0001_request_rows.ts";
import { access } from "./0010_access.ts";
import { sessions } from "./0030_sessions.ts";
import type { Migration } from "./migration.ts";

export const MIGRATIONS: readonly Migration[] = [requests, access, sessions];

/** Of development builds before the first release: their request log had another form, and cannot be read any more. */
export const NEVER_RELEASED: ReadonlySet<string> = new Set(["0001_requests", "0020_request_chunks"]);
