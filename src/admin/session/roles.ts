// Who asks the control plane, and how much of it is theirs. Leaves finding out who it is to admin/session/auth.
import type { Role } from "../contract/endpoint.ts";

/** Who asks. Built from a key on every request, so that a blocked or changed key counts at once. */
export interface Principal {
	readonly role: Role;
	/** A read-only key: may change nothing, whatever its role. */
	readonly readOnly: boolean;
	/** `master`, `local` (no master key is configured), or the virtual key's id. */
	readonly id: string;
	/** Hash of the virtual key, as the request log has it; null for the master key. */
	readonly keyHash: string | null;
	readonly keyAlias: string | null;
	readonly userId: string | null;
	/** Its key's team, and those its user is a member of. */
	readonly teamIds: readonly string[];
}

/** What a list must be narrowed to; null = everything. Several conditions: any one is enough. */
interface RowScope {
	readonly keyHash: string | null;
	readonly userId: string | null;
}

/** null for admins and viewers; an owner sees its own key's and its own user's rows. */
export function scopeOf({ role, keyHash, userId }: Principal): RowScope | null {
	return role === "owner" ? { keyHash, userId } : null;
}

/** The same as a filter of the request log has it. */
export function rowsOf(principal: Principal): RowScope | undefined {
	return scopeOf(principal) ?? undefined;
}

/** Whether a row of the request log may be seen. */
export function isVisible(
	row: { readonly key_id: string | null; readonly user_id: string | null },
	principal: Principal,
): boolean {
	const own = scopeOf(principal);
	if (own === null) return true;
	return (own.keyHash !== null && row.key_id === own.keyHash) || (own.userId !== null && row.user_id === own.userId);
}

const RANK: Readonly<Record<Role, number>> = { owner: 0, viewer: 1, admin: 2 };

/** Whether a role includes another one. */
export function atLeast(role: Role, minimum: Role): boolean {
	return RANK[role] >= RANK[minimum];
}
