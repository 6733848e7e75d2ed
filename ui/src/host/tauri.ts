/** The product's host: every call is a command of the Rust side, told events come over one event. */
import { Channel, invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';

import type { Host, Stop, Told } from './host';

async function watch<T>(what: 'check' | 'capacity', onLive: (live: T) => void): Promise<Stop> {
  const channel = new Channel<T>();
  let watching = true;
  channel.onmessage = (live) => {
    // A message may be under way when the page stops watching.
    if (watching) onLive(live);
  };
  await invoke(`watch_${what}`, { onLive: channel });
  return () => {
    watching = false;
    void invoke(`unwatch_${what}`);
  };
}

export function tauriHost(): Host {
  return {
    home: () => invoke('home'),
    about: () => invoke('about'),
    saveSettings: (settings) => invoke('save_settings', { settings }),

    drills: () => invoke('drills'),
    plan: (draft) => invoke('plan', { draft }),
    preflight: (environment, simulate) => invoke('preflight', { environment, simulate }),
    startCheck: (draft) => invoke('start_check', { draft }),

    watchCheck: (onLive) => watch('check', onLive),
    abortCheck: () => invoke('abort_check'),

    checks: (query) => invoke('checks', { query }),
    report: (number, dark) => invoke('report', { number, dark }),
    journal: (number, query) => invoke('journal', { number, query }),
    waive: (number, code, criterion, name, reason, days) =>
      invoke('waive', { number, code, criterion, name, reason, days }),
    signOff: (number, decision, name, role, note) => invoke('sign_off', { number, decision, name, role, note }),
    guide: () => invoke('guide'),
    signing: () => invoke('signing'),
    createSigningKey: () => invoke('create_signing_key'),
    removeSigningKey: () => invoke('remove_signing_key'),
    compare: (number, against, noise) => invoke('compare', { number, against, noise }),
    compareText: (number, against, noise) => invoke('compare_text', { number, against, noise }),
    trends: (query) => invoke('trends', { query }),
    coverage: (environment) => invoke('coverage', { environment }),
    tidy: (days, remove) => invoke('tidy', { days, remove }),
    importFolder: () => invoke('import_folder'),
    pickResults: () => invoke('pick_results'),
    pickFolder: (current) => invoke('pick_folder', { current }),
    exportCheck: (number, folder, formats) => invoke('export_check', { number, folder, formats }),
    summaryText: (number) => invoke('summary_text', { number }),
    reveal: (path) => invoke('reveal', { path }),

    services: (environment) => invoke('services', { environment }),
    storageTest: (environment) => invoke('storage_test', { environment }),
    serviceLogs: (environment, service) => invoke('service_logs', { environment, service }),
    restartService: (environment, service, typed) => invoke('restart_service', { environment, service, typed }),
    redeployService: (environment, service, typed) => invoke('redeploy_service', { environment, service, typed }),
    verifyRecovery: (number) => invoke('verify_recovery', { number }),

    environment: (name) => invoke('environment', { name }),
    checkEnvironment: (form) => invoke('check_environment', { form }),
    saveEnvironment: (form, previous) => invoke('save_environment', { form, previous }),
    removeEnvironment: (name) => invoke('remove_environment', { name }),
    setSecret: (environment, field, value, sessionOnly) =>
      invoke('set_secret', { environment, field, value, sessionOnly }),
    clearSecret: (environment, field) => invoke('clear_secret', { environment, field }),
    importRailwayToken: (environment, sessionOnly) => invoke('import_railway_token', { environment, sessionOnly }),
    findRailwayIds: (environment, form) => invoke('find_railway_ids', { environment, form }),

    planCapacity: (draft) => invoke('plan_capacity', { draft }),
    startCapacity: (draft) => invoke('start_capacity', { draft }),
    planPackage: (draft) => invoke('plan_package', { draft }),
    joinMaster: (draft, header) => invoke('join_master', { draft, header }),
    judgeEvidence: (draft) => invoke('judge_evidence', { draft }),
    writePackage: (draft, folder) => invoke('write_package', { draft, folder }),
    writeScript: (draft, folder) => invoke('write_script', { draft, folder }),
    orderCapacity: (order) => invoke('order_capacity', { order }),
    watchCapacity: (onLive) => watch('capacity', onLive),
    capacityRuns: (offset, limit) => invoke('capacity_runs', { offset, limit }),
    capacityReport: (number, dark) => invoke('capacity_report', { number, dark }),
    exportCapacity: (number, folder, formats) => invoke('export_capacity', { number, folder, formats }),
    pickCapacity: () => invoke('pick_capacity'),

    openLink: (url) => invoke('open_link', { url }),
    copyText: (text) => navigator.clipboard.writeText(text),
    setTitle: (title) => invoke('set_title', { title }),
    closeAnyway: () => invoke('close_anyway'),
    async listen(onTold) {
      return await listen<Told>('told', (event) => onTold(event.payload));
    },
  };
}
