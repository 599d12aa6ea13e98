/** Whether the database refused a row because of a unique index (SQLSTATE 23505). */
export const isDuplicate = (error: unknown): boolean => error instanceof Error && (error as { code?: unknown }).code === '23505';
