/** What the job queue asks of a database. */
export interface SqlExecutor {
  executeSql(text: string, values?: readonly unknown[]): Promise<{ rows: object[] }>;
}

/** After closing there is nobody left to tell; the queue reads how many jobs it changed. */
export const nothingChanged = { rows: [{ count: 0 }] };
