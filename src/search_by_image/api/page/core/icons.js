// Icons as lines on a field of 24 by 24.

export const PATHS = {
  add: 'M12 5v14M5 12h14',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  compare: 'M12 3v18M9 6H4v12h5M15 6h5v12h-5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM13.5 7.5l3 3',
  filter: 'M4 6h16M7 12h10M10 18h4',
  folder: 'M3 6h6l2 2h10v11H3z',
  open: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  picture: 'M4 5h16v14H4zM4 16l4.500-5 4 4.500 2.500-2.500 5 5M15.500 9v.01',
  remove: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5',
  search: 'M10.500 4a6.500 6.500 0 1 0 0 13a6.500 6.500 0 1 0 0-13M15.300 15.300L20 20',
  similar: 'M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6',
  swap: 'M4 8h14l-3.500-3.500M20 16H6l3.500 3.500',
  undo: 'M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4',
  upload: 'M12 16V5M7.500 9.500L12 5l4.500 4.500M5 19h14',
};
