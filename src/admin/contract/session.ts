// The contract of the UI's sessions: log-in, log-out, who is logged in. Leaves answering to admin/session.
import * as z from "zod";
import { endpoints, nullableText, ROLES, read, type View } from "./endpoint.ts";

const me = z.object({
	role: z.enum(ROLES),
	read_only: z.boolean().describe("May change nothing, whatever its role."),
	id: z.string().describe("`master`, `local` (no master key is configured), or the virtual key's id."),
	key_alias: nullableText,
	user_id: nullableText,
	teams: z.array(z.string()),
});

export const SESSION = endpoints({
	"POST /api/login": {
		summary: "Begins a session of the UI",
		role: null,
		body: z.object({
			key: z.string().optional().describe("The master key, or a virtual key."),
			password: z.string().optional().describe("The same, as password managers name it."),
		}),
		answer: me,
	},
	"POST /api/logout": { summary: "Ends it", role: null, answer: z.object({ ok: z.literal(true) }) },
	"GET /api/me": read("owner", "Who asks", me),
});

export type Me = View<typeof me>;
