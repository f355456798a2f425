// Errors about the account and the credential that servers of every family send in much the same words. First in every family's table.
import type { ErrorRule } from "./judge.ts";

/** With 400 or 403 as well as with the status that would fit: the client's own errors have other words. */
const REFUSED: readonly number[] = [400, 401, 402, 403, 412];
const REFUSED_OR_LIMITED: readonly number[] = [...REFUSED, 429];

export const ACCOUNTS: readonly ErrorRule[] = [
	{
		status: REFUSED_OR_LIMITED,
		says: /credit balance is too low|(?:insufficient|n[o']t have (?:enough|sufficient)) (?:account )?(?:balance|credits?|funds)|(?:credits?|balance|funds) (?:are|is|have been|has been) (?:depleted|exhausted|used up|overdue)|in arrears|overdue balance|(?:user|account) quota is not enough|(?:not enough|out of|more) credits|have any credits|used all (?:of )?(?:your |its )?available credits|余额不足|额度不足|预扣费额度失败|欠费|account is in good standing|check your (?:account balance|plan and billing)/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its credit is used up",
		source:
			"Messages API 400 (BerriAI/litellm #37592); DeepSeek and OpenRouter 402; xAI 403; Moonshot, z.ai (1113) and Gemini's prepaid projects 429; DashScope 400; new-api and Volcano Ark 403",
	},
	{
		status: REFUSED,
		says: /\b(?:organi[sz]ation|account|team|project|subscription|consumer)\b.{0,80} (?:has been|is|was) (?:currently |temporarily )?(?:disabled|suspended|deactivated|terminated|closed|banned|locked|denied access)/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its organisation or account is disabled",
		source:
			"Messages API 400 'This organization has been disabled.' (claude-relay-service #589); OpenAI 401; Google 403; Fireworks 412",
	},
	{
		status: REFUSED_OR_LIMITED,
		says: /key limit exceeded|tokens limit exceeded: .*key|budget has been exceeded|令牌额度/i,
		scope: "credential",
		errorClass: "authentication",
		lasting: true,
		reason: "its key's own limit is reached",
		source: "OpenRouter 403, a limit of one key (RooCodeInc/Roo-Code #515); LiteLLM 400, budget_exceeded; new-api 403",
	},
	{
		status: REFUSED_OR_LIMITED,
		says: /reached your specified workspace (?:API )?usage limit/i,
		scope: "credential",
		errorClass: "authentication",
		lasting: true,
		reason: "its workspace's usage limit is reached",
		source: "Messages API, spend limit of a workspace",
	},
	{
		status: REFUSED_OR_LIMITED,
		says: /reached (?:your|its|the) (?:specified |monthly |configured |set )*(?:API )?(?:usage|spend(?:ing)?) (?:limit|cap|alert threshold)|you will regain access on/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its usage limit is reached",
		source: "Messages API 400 'You have reached your specified API usage limits' (CLIProxyAPI #2442)",
	},
	{
		status: REFUSED_OR_LIMITED,
		says: /draw from your extra usage|out of extra usage|usage limit reached for \d+ ?hours?|(?:weekly|monthly|5[- ]hour)\b.{0,20} limit (?:exhausted|reached)|plan (?:package )?has expired/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its subscription's limit is reached",
		source: "Messages API 400 of subscriptions ('You're out of extra usage'); z.ai's plans, 1308 to 1310",
	},
	{
		status: REFUSED,
		says: /^(?!.*\bmodel\b.{0,60}\bnot (?:available|supported)).*(?:unsupported countr|(?:country|region|territory|location)(?:, region, or territory)? (?:is )?not supported|location is not supported|not (?:available|supported) in your (?:country|region|location|territory))/i,
		scope: "account",
		errorClass: "authentication",
		lasting: true,
		reason: "its provider does not serve this country",
		source: "Bedrock 400; OpenAI 403 unsupported_country_region_territory; Gemini 400 'User location is not supported'",
	},
	{
		status: REFUSED,
		says: /(?:api[ -]?key|access token|oauth token|bearer token|credentials?)\b.{0,40}\b(?:not (?:valid|found)|invalid|expired|revoked|disabled|deleted|blocked|leaked|does ?n.t exist)|(?:invalid|incorrect|expired|revoked) (?:x-)?(?:api[ -]?key|access token|oauth token|bearer token|proxy server token|credentials?)|key[ -]based authentication is disabled|无效的令牌|令牌(?:状态不可用|已过期)|身份验证失败/i,
		scope: "credential",
		errorClass: "authentication",
		reason: "credentials refused",
		source:
			"Gemini 400 'API key not valid', xAI 400 'Incorrect API key provided', Bedrock 403 'Bearer Token has expired'; Azure 403; new-api 403; z.ai 1000",
	},
	{
		status: REFUSED,
		says: /oauth .*(?:not (?:currently )?(?:allowed|supported)|does not meet scope)|missing (?:scopes|permissions)|insufficient (?:permissions for this operation|authentication scopes)|not scoped to a workspace|no longer a member of the organization|invalid authorization for organization|organization has disabled .* access|unregistered callers|requests to this api .* are blocked|lacks the required data action/i,
		scope: "credential",
		errorClass: "authentication",
		reason: "its credential lacks the rights it needs",
		source:
			"Messages API 403 for OAuth tokens (anthropics/claude-code #65714, #54863); OpenAI 401/403 for restricted keys; Google and Azure 403",
	},
	{
		status: REFUSED,
		says: /\bip\b.{0,40}(?:not (?:allowed|authorized|permitted)|blocked)|(?:virtual network|firewall) rules|public access is disabled/i,
		scope: "credential",
		errorClass: "authentication",
		reason: "its credential may not be used from here",
		source: "Messages API and OpenAI, allow-lists of addresses; Azure 403",
	},
];
