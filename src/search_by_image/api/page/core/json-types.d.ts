// JSDoc cannot say a type that contains itself.

export type Json = null | boolean | number | bigint | string | Json[] | Fields;
export interface Fields {
  [key: string]: Json;
}
