// Where the control plane reads the request log and the ledger, and how a failing database is reported. Leaves the endpoints to admin/log/api.
import type { Database } from "../../db/database.ts";
import { failureKind } from "../../db/failure-kind.ts";
import { GatewayError } from "../../errors.ts";
import type { LogService } from "../../requestlog/service.ts";

/** The log of this process and the database it is in; null where it is off, or there is none. */
export interface LogSource {
	readonly database: Pick<Database, "query">;
	readonly service: LogService;
}

/** How a failed query is reported: database_unavailable only where retrying may help. */
export function databaseError(cause: unknown): GatewayError {
	if (cause instanceof GatewayError) return cause;
	switch (failureKind(cause)) {
		case "away":
			return new GatewayError("database_unavailable", {}, { cause });
		case "input":
			return new GatewayError(
				"invalid_field",
				{ field: "query", reason: "the database cannot take this value" },
				{ cause },
			);
		case "fault":
			return new GatewayError("internal", {}, { cause });
	}
}

/** Reads. Throws database_required where there is no log, and as `databaseError` where the database fails. */
export async function readLog<T>(source: LogSource | null, read: (source: LogSource) => Promise<T>): Promise<T> {
	if (source === null) throw new GatewayError("database_required");
	try {
		return await read(source);
	} catch (cause) {
		throw databaseError(cause);
	}
}
