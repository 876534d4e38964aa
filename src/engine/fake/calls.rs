//! What tests know of the calls that the engine in memory gets, and what containers do in it.

/// A call that the engine got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub kind: CallKind,
    /// The name or ID that it is about.
    pub subject: String,
    /// How many calls of that kind there have been, this one included.
    pub number: usize,
}

/// The kinds of calls, one for each method of [`Engine`](crate::engine::Engine) and
/// [`Inside`](crate::engine::inside::Inside).
#[expect(missing_docs, reason = "each is named like its method")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    Observe,
    Inspect,
    Origin,
    Pull,
    Digest,
    Build,
    Push,
    CreateNetwork,
    RemoveNetwork,
    CreateVolume,
    RemoveVolume,
    CreateContainer,
    ConnectNetwork,
    DisconnectNetwork,
    CopyFiles,
    Start,
    Stop,
    Restart,
    Kill,
    Pause,
    Unpause,
    ExitCode,
    BuiltImages,
    NamelessImages,
    RemoveImage,
    RemoveContainer,
    Rename,
    RunInside,
    Logs,
    Happenings,
    Live,
    Machine,
    ImportImage,
    Containers,
    Image,
    Volumes,
    Network,
    Processes,
    Usage,
    History,
    CreateExec,
    StartExec,
    Attach,
    Resize,
    LookAt,
    Pack,
    Unpack,
    Export,
    Commit,
}

/// What a container does when it is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It runs, and is healthy at once if its health is checked.
    #[default]
    Runs,
    /// It runs, and its health stays `starting` until [`FakeEngine::set_health`](super::FakeEngine::set_health).
    Starts,
    /// It writes these lines to its log and ends with this code.
    Exits(i64, Vec<String>),
}
