// The page: its sections put together and started.

import { Choices } from './choices.js';
import { byId, el } from './dom.js';
import { errorNote } from './errors.js';
import { offerExamples } from './examples.js';
import { chooseLanguage, language, say, startLanguage } from './i18n.js';
import { ImportView } from './import.js';
import { Intake } from './intake.js';
import { LibraryView } from './library.js';
import { SearchView } from './search.js';
import { Tabs } from './tabs.js';

function start() {
  startLanguage();
  offerLanguages();
  const tabs = new Tabs();
  const choices = new Choices();
  const search = new SearchView(choices, () => tabs.open('search'));
  const searchWith = (/** @type {URL} */ url) => void search.searchWith(url);
  const importing = new ImportView(choices);
  const library = new LibraryView(choices, { searchWith, shown: () => tabs.current === 'library' });
  offerExamples(choices, searchWith);
  takeIn(tabs, search, importing);
  tabs.addEventListener('show', () => library.refresh());
  addEventListener('popstate', () => choices.follow());
  tabs.start();
  document.documentElement.classList.remove('starting');
  return connect(choices);
}

function offerLanguages() {
  const buttons = [...document.querySelectorAll('[data-language]')];
  const mark = () =>
    buttons.forEach((button) => button.setAttribute('aria-pressed', String(button.getAttribute('data-language') === language())));
  for (const button of buttons) {
    button.addEventListener('click', () => chooseLanguage(button.getAttribute('data-language') === 'zh' ? 'zh' : 'en'));
  }
  document.addEventListener('languagechange', mark);
  mark();
}

/**
 * What is dropped or pasted goes to the import section when that is in view, else to the search.
 * @param {Tabs} tabs
 * @param {SearchView} search
 * @param {ImportView} importing
 */
function takeIn(tabs, search, importing) {
  const importInView = () => tabs.current === 'import';
  const closeDialogs = () => document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
  new Intake(byId('veil', HTMLDivElement), {
    take: (pictures) => {
      closeDialogs();
      if (importInView()) importing.add(pictures);
      else if (pictures[0]) search.search(pictures[0]);
    },
    takeFiles: (files) => {
      closeDialogs();
      if (importInView()) importing.addFiles(files);
      else search.searchFiles(files);
    },
    refuse: (error) => (importInView() ? importing : search).refuse(error),
  });
  const name = () => say(byId('veil-text', HTMLParagraphElement), importInView() ? 'drop.import' : 'drop.search');
  tabs.addEventListener('show', name);
}

/** @param {Choices} choices */
async function connect(choices) {
  const note = byId('service-note', HTMLDivElement);
  note.replaceChildren();
  try {
    await choices.refresh();
    byId('version', HTMLParagraphElement).textContent = `search-by-image ${choices.info?.version ?? ''}`;
  } catch (error) {
    const retry = el('button', { class: 'button button-small', type: 'button', onclick: () => connect(choices) });
    note.replaceChildren(errorNote(error, say(retry, 'retry')));
  }
}

start();
