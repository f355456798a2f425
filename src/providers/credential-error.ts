// The error of a deployment whose own credentials cannot be had. Leaves answering it to proxy/upstream/run-candidate.

/** `prepare` throws it. Its message says what was tried and what to do, and holds no secret: it is logged. */
export class CredentialError extends Error {
	override readonly name = "CredentialError";
}
