// Whose conversation a request belongs to, from headers and `metadata.user_id`. Leaves what follows from it to routing.

/** Header names in lower case, as node:http gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the client says of its own request, if it was told to (claude-code §2, CLAUDE_CODE_GATEWAY_HINT_HEADERS). */
interface ConversationHints {
	/** `main`, `subagent`, `auxiliary`, `compaction`, `workflow`, or what later clients send; null = not sent. */
	readonly requestClass: string | null;
	/** This request compacts the conversation. */
	readonly isCompaction: boolean;
	/** The conversation has just been compacted: what was cached of its messages is dead (claude-code §6). */
	readonly contextCompacted: boolean;
}

/** Ids are namespaced by the caller, so that one tenant cannot name another's conversation. */
export interface ClientConversation {
	/** Session id, or null when the client sent none. */
	readonly session: string | null;
	/** Agent id of a subagent; null for the main loop. */
	readonly agent: string | null;
	readonly hints: ConversationHints;
}

/** Longest id, caller included; a longer one is cut. */
const MAX_ID_LENGTH = 256;

/** Claude Code 2.0's form of `metadata.user_id` (claude-code §2). */
const OLD_USER_ID = /^user_[0-9a-f]+_account_.*_session_([0-9a-zA-Z-]+)$/;

/**
 * Session and agent of a request, from the best evidence it carries: `x-claude-code-session-id`, then `metadata.user_id` (`userId`, raw)
 * in the forms of present and old Claude Code, then LiteLLM's session and trace headers (claude-code §2, litellm §2.1), then what
 * the body of another format names it (`named`: OpenAI's prompt_cache_key). A
 * `user_id` of any other form names a user, not a conversation, and is not used.
 */
export function conversationOf(
	headers: RequestHeaders,
	userId: string | null,
	callerId: string,
	named: string | null = null,
): ClientConversation {
	const session =
		headerOf(headers, "x-claude-code-session-id") ??
		sessionOfUserId(userId) ??
		headerOf(headers, "x-litellm-session-id") ??
		headerOf(headers, "x-litellm-trace-id") ??
		named;
	return {
		session: namespaced(callerId, session),
		agent: namespaced(callerId, headerOf(headers, "x-claude-code-agent-id")),
		hints: {
			requestClass: headerOf(headers, "x-claude-code-request-class")?.slice(0, MAX_ID_LENGTH) ?? null,
			isCompaction: headerOf(headers, "x-claude-code-compaction") !== null,
			contextCompacted: headerOf(headers, "x-claude-code-context-compacted") !== null,
		},
	};
}

function headerOf(headers: RequestHeaders, name: string): string | null {
	const value = headers[name];
	const first = typeof value === "object" ? value[0] : value;
	return first === undefined || first.trim() === "" ? null : first.trim();
}

function sessionOfUserId(userId: string | null): string | null {
	// Bounded before it is parsed: the real ones are under 200 characters.
	if (userId === null || userId.length > 4096) return null;
	const old = OLD_USER_ID.exec(userId)?.[1];
	if (old !== undefined) return old;
	if (!userId.startsWith("{")) return null;
	try {
		const parsed: unknown = JSON.parse(userId);
		const session = typeof parsed === "object" && parsed !== null && "session_id" in parsed ? parsed.session_id : null;
		return typeof session === "string" && session !== "" ? session : null;
	} catch {
		return null;
	}
}

function namespaced(callerId: string, id: string | null): string | null {
	return id === null ? null : `${callerId}:${id}`.slice(0, MAX_ID_LENGTH);
}
