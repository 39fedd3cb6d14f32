// Loaded by every Node of a run with sanitizers: their runtime can't be combined with RTLD_DEEPBIND.
const open = process.dlopen;
process.dlopen = (module, file, ...rest) => {
  open.call(process, module, file, ...rest);
  const { startPython } = module.exports;
  if (startPython !== undefined) module.exports.startPython = (options) => startPython({ ...options, deepBind: false });
};
