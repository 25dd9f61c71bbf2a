import type { CodeFile } from './code-file';

/** All files of one analysis that could be read. */
export interface Project {
  readonly files: readonly CodeFile[];
}
