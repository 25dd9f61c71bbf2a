import { Injectable } from '@nestjs/common';
import { isToolAllowed, type Principal } from '@mcp-router/shared';
import { BUILTIN_SLUG, BuiltinUpstream } from '../builtin/builtin-upstream';
import type { CatalogueItem } from '../catalogue/catalogue-item';

/** Which tools a caller may see and call: those its policy allows and, of the router's own, those its role may use. */
@Injectable()
export class Visibility {
  constructor(private readonly builtin: BuiltinUpstream) {}

  isVisible({ server, name, publicName }: CatalogueItem, principal: Principal): boolean {
    if (server === BUILTIN_SLUG && !this.builtin.isVisible(name, principal)) return false;
    return isToolAllowed(principal.policy, publicName);
  }
}
