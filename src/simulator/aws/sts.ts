// The Security Token Service's query API, as far as gateways use it: who am I, and temporary credentials of a role. Leaves keys to aws/accounts.ts.
import type { ApiError } from "../api-error.ts";
import { ApiError as Refusal } from "../api-error.ts";
import type { Ask, Dialect, TextAnswer, Visit } from "../dialect.ts";
import type { AwsIdentity, AwsSession } from "./accounts.ts";

const NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/";
const DEFAULT_DURATION_S = 3_600;

/** The query API at `POST /` of the simulator, or below `/sts` or `/aws/<region>`. */
export const STS: Pick<Dialect, "error" | "other"> = {
	error(error: ApiError, requestId: string): TextAnswer {
		const code = error.type.endsWith("_error") ? "InternalFailure" : error.type.replace(/Exception$/, "");
		const fault = error.status < 500 ? "Sender" : "Receiver";
		const body =
			`<ErrorResponse xmlns="${NAMESPACE}">\n  <Error>\n    <Type>${fault}</Type>\n    <Code>${stsCode(code)}</Code>\n` +
			`    <Message>${escapeXml(error.message)}</Message>\n  </Error>\n  <RequestId>${requestId}</RequestId>\n</ErrorResponse>\n`;
		return { status: error.status, headers: { "content-type": "text/xml", ...error.headers }, body };
	},
	other(ask: Ask): TextAnswer {
		const fields = new URLSearchParams(ask.body.toString("utf8"));
		const action = fields.get("Action") ?? "";
		switch (action) {
			case "GetCallerIdentity": {
				const { account, arn } = identify(ask);
				const result = `<Arn>${escapeXml(arn)}</Arn><UserId>${account.accessKeyId}</UserId><Account>${account.accountId}</Account>`;
				return answer(action, result, ask.requestId);
			}
			case "AssumeRole": {
				identify(ask);
				return answer(action, sessionXml(assume(ask, fields, fields.get("ExternalId") ?? "")), ask.requestId);
			}
			// A web identity is its own proof; the token must only be there.
			case "AssumeRoleWithWebIdentity": {
				if ((fields.get("WebIdentityToken") ?? "") === "")
					throw new Refusal(400, "No OpenIDConnect provider found", { type: "InvalidIdentityToken" });
				return answer(action, sessionXml(assume(ask, fields)), ask.requestId);
			}
			default:
				throw new Refusal(400, `Could not find operation ${action} for version 2011-06-15`, { type: "InvalidAction" });
		}
	},
};

function identify(visit: Visit): AwsIdentity {
	const { world, only, request, route, body } = visit;
	const signed = { method: request.method ?? "POST", target: request.url ?? "/", headers: request.headers, body };
	return world.aws.identifySigned(signed, { services: ["sts"], region: route.region, only });
}

function assume(visit: Visit, fields: URLSearchParams, externalId?: string): AwsSession {
	return visit.world.aws.assume(fields.get("RoleArn") ?? "", {
		sessionName: fields.get("RoleSessionName") ?? "",
		durationS: Number(fields.get("DurationSeconds") ?? DEFAULT_DURATION_S),
		...(externalId === undefined ? {} : { externalId }),
	});
}

function sessionXml(session: AwsSession): string {
	const { accessKeyId, secretAccessKey, sessionToken, expiresAtMs, arn } = session;
	return (
		`<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>` +
		`<SessionToken>${sessionToken}</SessionToken><Expiration>${new Date(expiresAtMs).toISOString()}</Expiration></Credentials>` +
		`<AssumedRoleUser><Arn>${escapeXml(arn)}</Arn><AssumedRoleId>${accessKeyId}</AssumedRoleId></AssumedRoleUser>`
	);
}

function answer(action: string, result: string, requestId: string): TextAnswer {
	const body =
		`<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result>` +
		`<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>\n`;
	return { status: 200, headers: { "content-type": "text/xml" }, body };
}

/** STS has names of its own for what other services call by their common names. */
function stsCode(code: string): string {
	switch (code) {
		case "UnrecognizedClient":
			return "InvalidClientTokenId";
		case "InvalidSignature":
			return "SignatureDoesNotMatch";
		case "MissingAuthenticationToken":
			return "MissingAuthenticationToken";
		default:
			return code;
	}
}

function escapeXml(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
