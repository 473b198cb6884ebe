// The page: its sections put together and started. What a visit may never need is loaded when it is asked for.

import { address, followHistory, queryInAddress, similarTo } from './core/address.js';
import { Choices } from './core/choices.js';
import { byId, drawIcons, el } from './core/dom.js';
import { errorNote } from './core/errors.js';
import { chooseLanguage, language, say, startLanguage } from './core/i18n.js';
import { Intake } from './core/intake.js';
import { fromFile } from './core/pictures.js';
import { Tabs } from './core/tabs.js';
import { offerExamples } from './search/examples.js';
import { offerStart } from './search/start.js';
import { Sections } from './sections.js';

/** @typedef {import('./search/words.js').Query} Query */

async function start() {
  await startLanguage();
  drawIcons();
  offerLanguages();
  followHistory();
  const [tabs, choices] = [new Tabs(), new Choices()];
  const sections = new Sections(choices);
  const search = {
    take: (/** @type {Query} */ query) => void sections.withSearch((view) => view.searchWith(query)),
    refuse: (/** @type {unknown} */ error) => void sections.withSearch((view) => view.refuse(error)),
  };
  offerStart(choices, search);
  offerExamples(choices, similarTo);
  takeIn(tabs, sections, search);
  address.addEventListener('change', () => closeDialogs());
  tabs.addEventListener('show', () => void sections.show(tabs.current));
  tabs.start();
  if (queryInAddress()) byId('search', HTMLElement).dataset.state = 'asked';
  document.documentElement.classList.remove('starting');
  await connect(choices);
}

function offerLanguages() {
  const buttons = [...document.querySelectorAll('[data-language]')];
  const mark = () => buttons.forEach((button) => button.toggleAttribute('hidden', button.getAttribute('data-language') === language()));
  for (const button of buttons) {
    button.addEventListener('click', () => void chooseLanguage(button.getAttribute('data-language') === 'zh' ? 'zh' : 'en'));
  }
  document.addEventListener('languagechange', mark);
  mark();
}

function closeDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) if (dialog.id !== 'key') dialog.close();
}

/**
 * What is dropped or pasted goes to the import section when that is in view, else to the search.
 * @param {Tabs} tabs
 * @param {Sections} sections
 * @param {import('./search/start.js').Taker} search
 */
function takeIn(tabs, sections, search) {
  const importInView = () => tabs.current === 'import';
  new Intake(byId('veil', HTMLDivElement), {
    take: (pictures) => {
      closeDialogs();
      if (importInView()) void sections.withImport((view) => view.take(pictures));
      else if (pictures[0]) search.take(pictures[0]);
    },
    takeDrop: (drop) => {
      closeDialogs();
      if (importInView()) void sections.takeDrop(drop);
      else if (drop.files[0]) search.take(fromFile(drop.files[0]));
    },
    refuse: (error) => (importInView() ? void sections.withImport((view) => view.refuse(error)) : search.refuse(error)),
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
    const retry = el('button', { class: 'button button-small', type: 'button', onclick: () => void connect(choices) });
    note.replaceChildren(errorNote(error, say(retry, 'retry')));
  }
}

void start();
