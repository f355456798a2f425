// AWS's errors in canonical form, and which of them ask for fresh credentials. Leaves whose fault they are to errors/aws and the names'
// meanings to protocol/aws-errors.
import { canonicalAwsError, readAwsError } from "../protocol/aws-errors.ts";
import type { CanonicalError, ResponseHead, UpstreamFailure } from "./provider.ts";

/** Whether the credentials themselves were refused, so that fresh ones may help: not where they merely lack a right. */
export function refusesCredentials({ status }: UpstreamFailure): boolean {
	return status === 401;
}

/** An AWS error answer as the Messages API would have put it; null where it did. */
export function canonicalAws({ status, headers }: ResponseHead, body: Buffer): CanonicalError | null {
	const named = headers["x-amzn-errortype"];
	const errorType = typeof named === "string" ? named : (named?.[0] ?? null);
	const error = readAwsError({ status, errorType }, body);
	return error === null ? null : { status: error.status, body: Buffer.from(canonicalAwsError(error)) };
}
