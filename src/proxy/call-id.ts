// Ids of requests: UUIDs that begin with their time (RFC 9562 §5.7), so that the request log's index of them grows at its end. Leaves
// where an id is handed to the steps that answer.
import { randomUUID } from "node:crypto";

/** Where a random UUID's version stands, and what follows it. */
const VERSION_AT = 14;

let stampedAt = -1;
let stamp = "";

/** A new id. `now` in ms since epoch, which anybody may read off it. */
export function callId(now: number): string {
	if (now !== stampedAt) {
		stampedAt = now;
		const hex = Math.max(0, Math.floor(now)).toString(16).padStart(12, "0").slice(-12);
		stamp = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
	}
	return stamp + randomUUID().slice(VERSION_AT + 1);
}
