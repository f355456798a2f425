// Why an upstream brought no answer, in words for clients, who get no code of a socket or of a library to read; those go to the log. Leaves
// what is made of it to proxy/answer/failure.

const NO_CONNECTION = "no connection";
const NOT_IN_TIME = "no answer in time";
const CLOSED = "connection closed";
const NOT_SECURE = "no secure connection";
const NOT_HTTP = "an answer that is not valid HTTP";

/** Of the attempt itself (proxy/upstream); of sockets and name resolution (Node.js, "Common system errors" and "dns"); of undici (its "Errors"). */
const CAUSES: ReadonlyMap<string, string> = new Map([
	["WARMPATH_TOTAL_TIMEOUT", NOT_IN_TIME],
	["first_byte_timeout", NOT_IN_TIME],
	["early_end", "ended before its answer"],
	["redirect", "a redirect"],
	["not_modified", "304 Not Modified instead of an answer"],
	["page", "a page instead of an answer"],
	["empty", "an empty answer"],
	["undecodable", "an answer that cannot be unpacked"],
	["no_answer", "something that is no answer"],
	["unprepared", "a request that could not be prepared"],
	["prepare", "no usable credentials"],
	["ECONNREFUSED", "connection refused"],
	["ENOTFOUND", "address not found"],
	["ENODATA", "address not found"],
	["ECONNRESET", CLOSED],
	["ECONNABORTED", CLOSED],
	["EPIPE", CLOSED],
	["ENOTCONN", CLOSED],
	["ERR_STREAM_PREMATURE_CLOSE", CLOSED],
	["ERR_SOCKET_CLOSED", CLOSED],
	["UND_ERR_SOCKET", CLOSED],
	["UND_ERR_INFO", CLOSED],
	["UND_ERR_ABORTED", CLOSED],
	["UND_ERR_DESTROYED", CLOSED],
	["UND_ERR_CLOSED", CLOSED],
	["ETIMEDOUT", "no connection in time"],
	["UND_ERR_CONNECT_TIMEOUT", "no connection in time"],
	["UND_ERR_HEADERS_TIMEOUT", NOT_IN_TIME],
	["UND_ERR_BODY_TIMEOUT", NOT_IN_TIME],
	["UND_ERR_HEADERS_OVERFLOW", "headers larger than are read"],
	["UND_ERR_RES_EXCEEDED_MAX_SIZE", "an answer larger than is read"],
	["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "an answer of another length than it said"],
	["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "a request that could not be sent"],
	["UND_ERR_INVALID_ARG", "a request that could not be sent"],
	["UND_ERR_NOT_SUPPORTED", "a request that could not be sent"],
	["UND_ERR_PRX_TLS", NOT_SECURE],
	["EPROTO", NOT_SECURE],
	["HOSTNAME_MISMATCH", NOT_SECURE],
	["INVALID_CA", NOT_SECURE],
	["INVALID_PURPOSE", NOT_SECURE],
	["PATH_LENGTH_EXCEEDED", NOT_SECURE],
	["HTTPParserError", NOT_HTTP],
	// undici's own, on statuses that none of its rules foresees.
	["ERR_ASSERTION", NOT_HTTP],
]);

/** Families of codes: llhttp's · of name resolution · OpenSSL's and those of certificates (Node.js, "X509 certificate error codes"). */
const FAMILIES: readonly (readonly [RegExp, string])[] = [
	[/^HPE_/, NOT_HTTP],
	[/^EAI_/, "address not found"],
	[/^(ERR_(SSL|TLS)_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_(CERT|CRL)_|(DEPTH_ZERO_)?SELF_SIGNED_)/, NOT_SECURE],
];

/** A failure's code in words: of codes that nobody foresaw only that there was no connection. */
export function causeInWords(code: string): string {
	return CAUSES.get(code) ?? FAMILIES.find(([family]) => family.test(code))?.[1] ?? NO_CONNECTION;
}
