// Every migration, in the order they are applied. Only ever add at the end.
import { requests } from "./0001_requests.ts";
import { access } from "./0010_access.ts";
import { requestChunks } from "./0020_request_chunks.ts";
import { sessions } from "./0030_sessions.ts";
import type { Migration } from "./migration.ts";

export const MIGRATIONS: readonly Migration[] = [requests, access, requestChunks, sessions];
