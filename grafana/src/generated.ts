import { buildDashboard } from './dashboard.ts';
import { DASHBOARDS } from './dashboards/index.ts';
import { alertsFile, dashboardsFile, datasourceFile } from './provisioning.ts';
import { toYaml, type Yaml } from './yaml.ts';

const NOTE = '# Written by `npm run generate -w grafana`; change grafana/src instead.\n';

const yamlFile = (content: Yaml): string => NOTE + toYaml(content);

/** Every generated file of this folder: path relative to it -> content. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const spec of DASHBOARDS) {
    files.set(`dashboards/${spec.uid}.json`, `${JSON.stringify(buildDashboard(spec), null, 2)}\n`);
  }
  files.set('provisioning/datasources/commonwatt.yaml', yamlFile(datasourceFile));
  files.set('provisioning/dashboards/commonwatt.yaml', yamlFile(dashboardsFile));
  files.set('provisioning/alerting/commonwatt.yaml', yamlFile(alertsFile));
  return files;
}
