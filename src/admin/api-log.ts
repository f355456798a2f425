// Where the control plane reads the request log and the ledger, and how a failing database is told. Leaves the endpoints to admin/api.
import type { Database } from "../db/database.ts";
import { GatewayError } from "../errors.ts";
import type { LogService } from "../requestlog/service.ts";

/** The log of this process and the database it is in; null where it is off, or there is none. */
export interface LogSource {
	readonly database: Database;
	readonly service: LogService;
}

/** Reads. Throws database_required where there is no log, database_unavailable while the database is away. */
export async function readLog<T>(source: LogSource | null, read: (source: LogSource) => Promise<T>): Promise<T> {
	if (source === null) throw new GatewayError("database_required");
	try {
		return await read(source);
	} catch (cause) {
		if (cause instanceof GatewayError) throw cause;
		throw new GatewayError("database_unavailable", {}, { cause });
	}
}
