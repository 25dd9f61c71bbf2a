import { dependencyInversion } from './dependency-inversion.rule';
import { interfaceSegregation } from './interface-segregation.rule';
import { liskovSubstitution } from './liskov-substitution.rule';
import { openClosed } from './open-closed.rule';
import { singleResponsibility } from './single-responsibility.rule';
import { missingTimeout } from './missing-timeout.rule';
import { secretInResult } from './secret-in-result.rule';
import { stdoutLogging } from './stdout-logging.rule';
import { toolWithoutSchema } from './tool-without-schema.rule';
import { uncheckedArgument } from './unchecked-argument.rule';
import { codeInjection } from './code-injection.rule';
import { commandInjection } from './command-injection.rule';
import { disabledTls } from './disabled-tls.rule';
import { hardCodedSecret } from './hard-coded-secret.rule';
import { requestForgery } from './request-forgery.rule';
import { requestPath } from './request-path.rule';
import { secretInConfiguration } from './secret-in-configuration.rule';
import { slowRegex } from './slow-regex.rule';
import { sqlInjection } from './sql-injection.rule';
import { unsafeDeserialisation } from './unsafe-deserialisation.rule';
import { weakCrypto } from './weak-crypto.rule';
import { annotationLie } from './annotation-lie.rule';
import { commandInText } from './command-in-text.rule';
import { concealment } from './concealment.rule';
import { deadExport } from './dead-export.rule';
import { duplicateCode } from './duplicate-code.rule';
import { encodedText } from './encoded-text.rule';
import { exfiltration } from './exfiltration.rule';
import { harmfulPurpose } from './harmful-purpose.rule';
import { hiddenUnicode } from './hidden-unicode.rule';
import { importCycle } from './import-cycle.rule';
import { instructionOverride } from './instruction-override.rule';
import { layerViolation } from './layer-violation.rule';
import { lookAlikeName } from './look-alike-name.rule';
import { missingDescription } from './missing-description.rule';
import { missingSchema } from './missing-schema.rule';
import { overBroadSchema } from './over-broad-schema.rule';
import type { CatalogueRule, CodeRule, ProjectRule, Rule, SurfaceRule, TextRule } from './rule';
import { sensitivePath } from './sensitive-path.rule';
import { toolShadowing } from './tool-shadowing.rule';
import { toxicFlowRule } from './toxic-flow.rule';

/** Every rule there is. A new one is a file beside this and a line here. */
export const RULES: readonly Rule[] = [
  hiddenUnicode,
  instructionOverride,
  concealment,
  sensitivePath,
  exfiltration,
  commandInText,
  encodedText,
  harmfulPurpose,
  toolShadowing,
  toxicFlowRule,
  lookAlikeName,
  annotationLie,
  missingSchema,
  overBroadSchema,
  missingDescription,
  commandInjection,
  codeInjection,
  sqlInjection,
  requestPath,
  requestForgery,
  unsafeDeserialisation,
  disabledTls,
  weakCrypto,
  hardCodedSecret,
  secretInConfiguration,
  slowRegex,
  uncheckedArgument,
  toolWithoutSchema,
  missingTimeout,
  stdoutLogging,
  secretInResult,
  singleResponsibility,
  openClosed,
  liskovSubstitution,
  interfaceSegregation,
  dependencyInversion,
  importCycle,
  layerViolation,
  deadExport,
  duplicateCode,
];

export const SURFACE_RULES = RULES.filter((rule): rule is SurfaceRule => rule.target === 'tool');
export const CATALOGUE_RULES = RULES.filter((rule): rule is CatalogueRule => rule.target === 'catalogue');
export const CODE_RULES = RULES.filter((rule): rule is CodeRule => rule.target === 'code');
export const TEXT_RULES = RULES.filter((rule): rule is TextRule => rule.target === 'text');
export const PROJECT_RULES = RULES.filter((rule): rule is ProjectRule => rule.target === 'project');
