import { Module } from '@nestjs/common';
import { GrantStore } from './grant-store';

/** Tokens for servers that want them. */
@Module({ providers: [GrantStore], exports: [GrantStore] })
export class AuthorizationModule {}
