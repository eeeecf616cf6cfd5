import {
  type ColumnDefinitionNode,
  DataTypeNode,
  Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  PostgresDialect,
  type PostgresPoolClient,
  RawNode,
} from 'kysely';
import type { Client } from 'pg';
import { fromPostgres } from './errors.ts';
import type { Tables } from './tables.ts';

/** A connection for one query or one transaction. */
export interface Lent {
  client: () => Pick<Client, 'query'>;
  release(): void;
}

/** Kysely over connections of `pg`, with values and errors as the store's modules know them from SQLite. */
export function kyselyOver(lend: () => Promise<Lent>): Kysely<Tables> {
  const connect = async (): Promise<PostgresPoolClient> => {
    const { client, release } = await lend();
    const query = async (sql: string, values: readonly unknown[]) => {
      try {
        return await client().query(sql, values.map(toParameter));
      } catch (error) {
        throw fromPostgres(error);
      }
    };
    // It can also open cursors, which nobody here does.
    return { query: query as unknown as PostgresPoolClient['query'], release };
  };
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: { connect, end: async () => {}, options: {} } }),
  });
}

/** What SQLite keeps and Postgres refuses: fractions of a millisecond, and the character 0 in a text. */
function toParameter(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value);
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;
}

/** Column types of the migrations in Postgres' words. Keys are compared by bytes, whatever the database's language. */
const COLUMN_TYPES: Record<string, string> = { text: 'text collate "C"', blob: 'bytea' };

class ColumnTypes extends OperationNodeTransformer {
  protected override transformColumnDefinition(node: ColumnDefinitionNode): ColumnDefinitionNode {
    const type = DataTypeNode.is(node.dataType) ? COLUMN_TYPES[node.dataType.dataType] : undefined;
    return super.transformColumnDefinition(type ? { ...node, dataType: RawNode.createWithSql(type) } : node);
  }
}

const transformer = new ColumnTypes();

/** For migrations. */
export const columnTypes: KyselyPlugin = {
  transformQuery: ({ node }) => transformer.transformNode(node),
  transformResult: async ({ result }) => result,
};
