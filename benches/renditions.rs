//! A rendition of a 24-megapixel JPEG to 1,200 pixels: by the service's renderer in
//! this process, beside ImageMagick's `convert` and libvips's `vipsthumbnail`, in
//! alternating rounds.
//!
//! The others are processes that start for each picture, as a server that called
//! them would start them. What the start costs is told apart: the same programs
//! (`mogrify` for ImageMagick) also make five renditions in one process, and a
//! quarter of what that takes longer than one is their time without it.
//!
//! Debian has them as `imagemagick` and `libvips-tools`; what is not there is left
//! out.

use std::{
    error::Error,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use clap::Parser;
use masthead::{
    photo::rendition::{
        Look,
        render::render,
        size::{Size, Sizes},
    },
    wire::Check,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The original: 24 megapixels.
const WIDTH_PX: usize = 6000;
const HEIGHT_PX: usize = 4000;

/// Copies of the original that one process works through.
const COPIES: usize = 5;

/// Memory that the renderer may take.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// Compares the renderer with ImageMagick and libvips.
#[derive(Parser)]
struct Arguments {
    /// Rounds, each with every program
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let original = original()?;
    let copies: Vec<PathBuf> = (0..COPIES).map(|copy| folder.path().join(format!("{copy}.jpg"))).collect();
    copies.iter().try_for_each(|copy| fs::write(copy, &original))?;
    let size = Sizes::new(&[]).read(&mut Check::default(), "w1200").ok_or("no such size")?;
    println!(
        "{WIDTH_PX} x {HEIGHT_PX}, {} bytes, to 1200 pixels at quality {}",
        original.len(),
        size.quality
    );
    let programs = programs(folder.path(), &copies, &size);
    let mut ours = Times::default();
    let mut theirs: Vec<(Times, Times)> = vec![Default::default(); programs.len()];
    for _ in 0..=arguments.rounds {
        ours.add(|| {
            let rendered = render(&original, "image/jpeg", &Look::default(), &size, MEMORY_BYTES_MAX)?;
            black_box(rendered);
            Ok(())
        })?;
        for (program, (one, several)) in programs.iter().zip(&mut theirs) {
            one.add(|| program.run(&program.one))?;
            several.add(|| program.run(&program.several))?;
        }
    }
    println!("median of {} rounds in ms, processor time in brackets:", arguments.rounds);
    let our_wall = ours.wall();
    println!("  {:28} {our_wall:6.0} ({:.0})", "masthead", ours.cpu());
    for (program, (one, several)) in programs.iter().zip(&theirs) {
        let without_start = |several: f64, one: f64| (several - one) / (COPIES - 1) as f64;
        let wall = without_start(several.wall(), one.wall());
        let cpu = without_start(several.cpu(), one.cpu());
        println!(
            "  {:28} {:6.0} ({:.0}), {:.2} times as long; without its start {wall:.0} ({cpu:.0}), {:.2} times",
            program.name,
            one.wall(),
            one.cpu(),
            one.wall() / our_wall,
            wall / our_wall
        );
    }
    Ok(())
}

/// What rounds took; the first of them, which warms up, does not count.
#[derive(Clone, Default)]
struct Times {
    wall_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
}

impl Times {
    fn add(&mut self, work: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
        let (wall, cpu) = (Instant::now(), cpu_ms()?);
        work()?;
        self.wall_ms.push(wall.elapsed().as_secs_f64() * 1000.0);
        self.cpu_ms.push(cpu_ms()? - cpu);
        Ok(())
    }

    fn wall(&self) -> f64 {
        let mut counted = self.wall_ms[1..].to_vec();
        counted.sort_by(f64::total_cmp);
        counted[counted.len() / 2]
    }

    /// The mean, as the system counts in steps of 10 ms.
    fn cpu(&self) -> f64 {
        let counted = &self.cpu_ms[1..];
        counted.iter().sum::<f64>() / counted.len() as f64
    }
}

/// Processor time of this process and of those that it has waited for.
fn cpu_ms() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("no fields")?;
    // utime, stime, cutime and cstime, in hundredths of a second.
    let times = fields.split(' ').skip(11).take(4).map(str::parse::<f64>);
    Ok(times.sum::<Result<f64, _>>()? * 10.0)
}

/// Another program, with its arguments for one picture and for all copies.
struct Program {
    name: &'static str,
    one: Vec<String>,
    several: Vec<String>,
}

impl Program {
    fn run(&self, command: &[String]) -> Outcome<()> {
        let status = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.name).into()) }
    }
}

/// Those that are there.
fn programs(folder: &Path, copies: &[PathBuf], size: &Size) -> Vec<Program> {
    let shown = |path: &Path| path.display().to_string();
    let copies: Vec<String> = copies.iter().map(|copy| shown(copy)).collect();
    let quality = size.quality.to_string();
    let out = folder.join("out");
    // It goes away with the folder above it; `mogrify` makes none.
    let _ = fs::create_dir(&out);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let magick = |hint: &[&str]| {
        let settings = words(&["-resize", "1200x", "-quality", &quality]);
        let (convert, mogrify) = (words(&["/usr/bin/convert"]), words(&["/usr/bin/mogrify"]));
        let (one, many) = (words(&[&shown(&out.join("one.jpg"))]), words(&["-path", &shown(&out)]));
        let one = [convert, words(hint), copies[..1].to_vec(), settings.clone(), one].concat();
        let several = [mogrify, words(hint), many, settings, copies.clone()].concat();
        (one, several)
    };
    let (one, several) = magick(&[]);
    let plain = Program { name: "convert", one, several };
    // Decodes no finer than for twice the size, as the renderer does.
    let (one, several) = magick(&["-define", "jpeg:size=2400x1600"]);
    let hinted = Program { name: "convert -define jpeg:size", one, several };
    let vips = |pictures: &[String]| {
        let target = format!("{}/%s.jpg[Q={quality}]", shown(&out));
        let settings = words(&["--size", "1200x", "-o", &target]);
        [words(&["/usr/bin/vipsthumbnail"]), pictures.to_vec(), settings].concat()
    };
    let vips = Program { name: "vipsthumbnail", one: vips(&copies[..1]), several: vips(&copies) };
    let is_there = |program: &Program| Path::new(&program.one[0]).exists();
    [plain, hinted, vips].into_iter().filter(is_there).collect()
}

/// A picture with large shapes and fine grain, as a camera sends it: quality 90,
/// half as many pixels of colour each way.
fn original() -> Outcome<Vec<u8>> {
    let mut pixels = Vec::with_capacity(WIDTH_PX * HEIGHT_PX * 3);
    for y in 0..HEIGHT_PX {
        for x in 0..WIDTH_PX {
            let at = |scale: f32| noise(x as f32 / scale, y as f32 / scale);
            let brightness =
                0.5 * at(512.0) + 0.25 * at(128.0) + 0.13 * at(32.0) + 0.08 * at(8.0) + 0.04 * at(2.0);
            let warmth = 60.0 * (0.7 * at(700.0) + 0.3 * at(90.0) - 0.5);
            let level = brightness * 255.0;
            pixels.extend([level + warmth, level, level - warmth].map(|value| value as u8));
        }
    }
    let mut encoded = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut encoded, 90);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.encode(&pixels, WIDTH_PX as u16, HEIGHT_PX as u16, jpeg_encoder::ColorType::Rgb)?;
    Ok(encoded)
}

/// Random values at whole places, and smooth between them: 0 to 1.
fn noise(x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (right, lower) = (x - left, y - top);
    let value = |dx: u32, dy: u32| {
        let mut hash =
            (left as u32 + dx).wrapping_mul(0x9e37_79b1) ^ (top as u32 + dy).wrapping_mul(0x85eb_ca77);
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
        hash = (hash ^ (hash >> 12)).wrapping_mul(0x297a_2d39);
        f32::from((hash >> 16) as u16) / f32::from(u16::MAX)
    };
    let line = |dy: u32| value(0, dy) * (1.0 - right) + value(1, dy) * right;
    line(0) * (1.0 - lower) + line(1) * lower
}
