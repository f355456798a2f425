// What AWS's errors mean for the attempt, and their canonical form. Leaves the names' meanings to protocol/aws-errors.
import { canonicalAwsError, readAwsError } from "../protocol/aws-errors.ts";
import { judgeMessagesApi } from "./anthropic.ts";
import type { CanonicalError, ResponseHead, UpstreamFailure, Verdict } from "./provider.ts";

/** A quota that no short waiting cures (caching-semantics §8). */
const SPENT = /too many tokens per day|daily (token )?(limit|quota)/i;
/** The deployment names a model that its account or region has not: another deployment may have it. */
const NO_SUCH_MODEL =
	/model identifier is invalid|on-demand throughput isn.t supported|don.t have access to the model|model is not supported in this region/i;
/** CountTokens does not know every model (caching-semantics §10). */
const NOT_COUNTED = /(does ?n.t|not) support(ed|s)? (the )?(count_?tokens|counting tokens|token counting)/i;

/** As the Messages API's errors, which they are by now, with what AWS says in its own words. Pure. */
export function judgeAws(failure: UpstreamFailure): Verdict {
	const verdict = judgeMessagesApi(failure);
	const name = (failure.errorCode ?? "").toLowerCase();
	if (name.startsWith("servicequotaexceeded") || SPENT.test(failure.message)) return { ...verdict, lasting: true };
	if (failure.status === 400 && (NO_SUCH_MODEL.test(failure.message) || NOT_COUNTED.test(failure.message))) {
		return { ...verdict, action: "next", errorClass: "notFound" };
	}
	return verdict;
}

/** Whether the answer says that this operation does not exist for the model. */
export function isNotCounted({ status, message, errorType }: UpstreamFailure): boolean {
	return NOT_COUNTED.test(message) || (status === 404 && errorType === "not_found_error") || status === 501;
}

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
